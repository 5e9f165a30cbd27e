"""Products against the truth, against stations, and against themselves.

In: product years, the domain and, where there is one, a truth or an archive of stations. Out:
tables (skill, breaks) and fields of each cell.

Read in this order: statistics, records (pair products with a truth), evaluate (all measures),
breaks (sensor changes, clearings), stations, summary (what products hold without a truth).
"""
