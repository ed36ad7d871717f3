"""What the build does with the chapters. No chapter imports it.

notebooks, results    the chapters: executed where something has changed, their outputs stored, numbers quoted
prose       every number of a text is a quote of a record
export, module    the ledger of all records, and the same in the browser (engine.js)
sphinx_ext, mime, layout, pages, previews    the pages
address, serve, progress    where the book is public; a server for reading it; what is said meanwhile
cut_fonts   the fonts that the pages and charts carry
"""
