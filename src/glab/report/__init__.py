"""The page of figures and tables.

In: products and the tables and fields of `evaluate`. Out: one HTML file without external parts.

Read in this order: page (the sections and their order), material (all data of the page), record,
skill, stations (the sections), tables, content (pictures, tables, cards), figures;
besides the page, point (the values of one cell and day as text, for `glab trace`).
"""
