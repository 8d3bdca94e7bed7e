// Sphinx looks the words of a search up in plain objects, which know `constructor` though no page holds it.
// This stands in language_data.js (see any_search.py), between the search and its index.
{
  const { setIndex } = Search;
  const { hasOwnProperty } = Object.prototype;
  const none = Object.create(null, { hasOwnProperty: { value: hasOwnProperty } }); // all that Sphinx calls
  Search.setIndex = (index) => {
    for (const words of [index.terms, index.titleterms]) Object.setPrototypeOf(words, none);
    setIndex(index);
  };
}
