"""Results of a study -> a file. Each form is a file of this folder: `html` writes one page with tables and figures.

Reports only show what runs have computed; figures need the extra [reports], tables need nothing.
"""
