"""The page of figures and tables.

In: products, and the tables and fields of `evaluate`. Out: one HTML file without external files.

Read in this order: page (all sections in order), material (all data of the page), record, skill,
validation (the sections), tables, content (pictures, tables, cards, names), figures; besides the
page, point (the values of one cell and day as text, for `glab trace`).
"""
