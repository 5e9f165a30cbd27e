"""Work files to products.

In: predictions, 40° TB, retrievals. Out: the composed L-band TB, product years on the 2-D grid
(CF), and stores of all years.

Read in this order: compose (references and networks joined), product (layers of each product),
attributes (what a product file says), publish.
"""
