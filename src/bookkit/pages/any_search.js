// Sphinx looks the words of a search up in plain objects, which know `constructor` though no page holds it.
// This stands in language_data.js (see any_search.py), between the search and its index.
{
  const { setIndex } = Search;
  // all that Sphinx asks of such an object
  const none = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } });
  Search.setIndex = (index) => {
    for (const words of [index.terms, index.titleterms]) Object.setPrototypeOf(words, none);
    setIndex(index);
  };
}
