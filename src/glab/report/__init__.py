"""The page of figures and tables.

In: products, and the tables and fields of `evaluate`. Out: one HTML file without external files.

Read in this order: page (all sections in order), material (all data of the page), record, skill,
validation (the sections), tables, content (pictures, tables, cards, names), figures.
"""
