"""What the build does with the chapters. No chapter imports it.

notebooks, results    the chapters: executed where something has changed, their outputs stored, numbers quoted
prose       every number of a text is a quote of a record
ledger, records_js    all records as data, and the same in the browser (evaluate.js)
sphinx_ext, outputs, frame, pages, drawing, glossary, previews    the pages
index_pages    the ledger and the audit as pages: a line for each number and claim, an entry for each number
architecture, formulas    the pages about the library itself
repository, serve    where the book is public; a server for reading it
unchanged, progress    whether there is anything to build, and what is said meanwhile
cut_fonts   the fonts that the pages and charts carry
"""
