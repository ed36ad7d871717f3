// Sphinx's search asks this for each result's rank: chapters first, those named after a word of the question before the others,
// the long tables last.
const asked = (new URLSearchParams(location.search).get("q") || "").toLowerCase().match(/\w+/g) || [];
const named = docname => asked.filter(word => docname.split("/").pop().split("-").includes(word)).length;
var Scorer = {
  score: ([docname, , , , score]) => score + (docname.startsWith("chapters/") ? 20 + 20 * named(docname)
                                              : /ledger|audit|references|contents/.test(docname) ? -20 : 0),
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
