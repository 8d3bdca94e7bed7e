// What a reader types, as the models take it.

export const says = (/** @type {string} */ text) => /\P{White_Space}/u.test(text);

/** Without halves of characters, which browsers send while one is typed. @param {string} text */
export const clean = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");
