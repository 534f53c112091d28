/* The filter of the table of runs: `vqa >= 1M && fid < 20`, or plain words that a row must have. */

const TOKENS = /"([^"]*)"|(&&)|(==|!=|<=|>=|=|<|>)|([^\s"=!<>&]+)|(\S)/g;
const OPERATORS = {
  '==': (order) => order === 0,
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** `200k` and `7M` as numbers, else `null`. */
function readNumber(text) {
  const match = /^([+−-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([kMB]?)$/i.exec(text.replace('−', '-'));
  return match ? Number(match[1]) * { k: 1e3, m: 1e6, b: 1e9, '': 1 }[match[2].toLowerCase()] : null;
}

/**
 * What a text asks of a row: {test(row)} or {error}. Columns have names: {names, value(row), text(row)}; words are looked
 * for in the texts of all columns.
 */
function parseFilter(text, columns) {
  const tokens = [...text.matchAll(TOKENS)].map(([whole, quoted, and, operator, word]) => ({
    whole,
    and,
    operator,
    word: quoted ?? word,
    isOdd: quoted === undefined && !and && !operator && word === undefined,
  }));
  const odd = tokens.find((token) => token.isOdd);
  if (odd) return { error: `\`${odd.whole}\` means nothing here` };
  const terms = [];
  for (let i = 0; i < tokens.length; i += 1) {
    const [token, operator, value] = tokens.slice(i, i + 3);
    if (token.and) continue;
    if (token.operator) return { error: `\`${token.operator}\` has no name before it` };
    if (!operator?.operator) {
      terms.push(has(token.word, columns));
      continue;
    }
    if (value?.word === undefined) return { error: `\`${token.word} ${operator.operator}\` has no value after it` };
    const column = columns.find(({ names }) => names.some((name) => name.toLowerCase() === token.word.toLowerCase()));
    if (!column)
      return {
        error: `there is no column \`${token.word}\`; the columns are ${columns.map(({ names }) => names[0]).join(', ')}`,
      };
    terms.push(holds(column, OPERATORS[operator.operator], value.word));
    i += 2;
  }
  return { test: (row) => terms.every((term) => term(row)) };
}

function has(word, columns) {
  const wanted = word.toLowerCase();
  return (row) => columns.some((column) => column.text(row).toLowerCase().includes(wanted));
}

/** Numbers are compared as numbers, everything else as text; what is missing satisfies nothing. */
function holds(column, decide, wanted) {
  const number = readNumber(wanted);
  return (row) => {
    const value = column.value(row);
    if (value === null || value === '') return false;
    if (typeof value === 'number' && number !== null) return decide(value - number);
    return decide(collator.compare(column.text(row).toLowerCase(), wanted.toLowerCase()));
  };
}
