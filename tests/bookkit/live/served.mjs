// A worker as the site serves it, in node: its script, and what it answers to a task.

/** @param {string} source @returns {(task: string, given: object) => Promise<any>} */
export function startServed(source) {
  let listen;
  const waiting = new Map();
  const answered = ({ id, answer, error }) =>
    error === undefined ? waiting.get(id).resolve(answer) : waiting.get(id).reject(new Error(error));
  new Function("addEventListener", "postMessage", source)((_, listener) => { listen = listener; }, answered);
  return (task, given) =>
    new Promise((resolve, reject) => {
      waiting.set(waiting.size, { resolve, reject });
      listen({ data: { id: waiting.size - 1, task, ...given } });
    });
}
