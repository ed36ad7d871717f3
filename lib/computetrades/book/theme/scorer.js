// Sphinx's search asks this for each result's rank: chapters first, the long tables last.
var Scorer = {
  score: ([docname, , , , score]) => score + (docname.startsWith("chapters/") ? 20 : /ledger|audit|references|contents/.test(docname) ? -20 : 0),
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
