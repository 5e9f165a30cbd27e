"""Comparison of products with the truth and with validation sets.

In: product years, the domain and, if available, a truth or a validation set. Out: tables of skill,
breaks and agreement, and fields of each cell.

Read in this order: records (files → pairs of product and truth, cell groups, periods), evaluate
(all measures, or a summary without a truth), breaks (sensor changes, clearings), stations and
gridded (validation sets), statistics (the measures).
"""
