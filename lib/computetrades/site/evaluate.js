// Recomputes the records of a chapter or of the whole book after a change of facts, and prints them as the prose does.
//
// site/records_js.py writes the tables: `facts` and `records` (key -> row) and `formulas`: key of a record or of a number that only
// formulas name -> [keys of the facts that move it, function of `f`], in an order in which each follows what it needs; two functions
// for a range. `f` holds facts and results by key, in base units; a row's value is in the unit that it is printed in; times
// `size` gives base units. Rows leave out what is usual: size 1, no text before or after the figure.

/** evaluate, dependents, text and admitted for these tables. */
export function book({ facts, records, formulas }) {
  let known;           // every fact and result as stored, once somebody asks
  let followers;       // fact -> keys of the formulas that it moves, in their order
  const unmoved = {};  // what was told of records at the stored facts

  function stored() {
    if (known) return known;
    known = Object.fromEntries(Object.entries(facts).map(([key, fact]) => [key, inBase(fact, fact.value)]));
    compute(Object.keys(formulas), known);
    return known;
  }

  function compute(keys, f) {
    for (const key of keys) {
      const formula = formulas[key][1];
      f[key] = Array.isArray(formula) ? formula.map(end => end(f)) : formula(f);
    }
  }

  function moved(changed) {
    if (!followers) {
      followers = {};
      for (const [key, [moving]] of Object.entries(formulas)) for (const fact of moving) (followers[fact] ??= []).push(key);
    }
    if (changed.length === 1) return followers[changed[0]] ?? [];
    const found = new Set(changed.flatMap(fact => followers[fact] ?? []));
    return Object.keys(formulas).filter(key => found.has(key));
  }

  /** Record key -> {value, text} with `changes` (fact key -> value in the fact's own unit) in place of the stored values.
   *  Only what rests on a changed fact is computed again. */
  function evaluate(changes = {}, keys = Object.keys(records)) {
    const at = Object.create(stored());
    for (const [key, value] of Object.entries(changes)) at[key] = inBase(facts[key], admitted(key, value));
    const again = moved(Object.keys(changes)), anew = new Set(again);
    compute(again, at);
    return Object.fromEntries(keys.map(key => [key, anew.has(key) ? told(key, at) : unmoved[key] ??= told(key, known)]));
  }

  function told(key, f) {
    const { size = 1 } = row(key, records), found = f[key];
    const value = typeof found === "boolean" ? found
      : Array.isArray(found) ? found.map(end => end / size).sort((a, b) => a - b)   // from low to high
      : found / size;
    return Object.freeze({ value, text: text(key, value) });
  }

  /** The keys of the records that rest on a fact. */
  const dependents = fact => Object.keys(records).filter(key => formulas[key][0].includes(fact));

  /** A fact or record as the book prints it; `value` in its own unit, [low, high] for a range, a boolean for a statement. */
  function text(key, value) {
    const how = row(key, records, facts), { digits = null } = how;
    if ("yes" in how) return value ? how.yes : how.no;
    const ends = [value].flat();
    if (!ends.every(Number.isFinite)) return "undefined";
    const figures = ends.map(end => figure(end, digits));
    if (figures[0] === figures.at(-1)) figures.length = 1;
    const number = figures.join("–");
    return dressed(how.cents ? number.replace(/\.\d$/, "$&0") : number, how);
  }

  /** The value if `key` is a fact that can take it; otherwise an Error that says what to do instead. */
  function admitted(key, value) {
    if (Object.hasOwn(records, key)) throw refusal(key, value, "a record is computed; change one of its facts");
    if (!Object.hasOwn(facts, key)) throw refusal(key, value, "there is no such fact; take a key of `facts`");
    const { frozen, whole, above = -Infinity, least = -Infinity, most = Infinity } = facts[key];
    if (frozen) throw refusal(key, value, "it was measured by an experiment; change that in its chapter and run it again");
    if (!Number.isFinite(value)) throw refusal(key, value, "give a finite number");
    if (whole && !Number.isInteger(value)) throw refusal(key, value, "give a whole number");
    if (value <= above) throw refusal(key, value, `give more than ${text(key, above)}`);
    if (value < least) throw refusal(key, value, `give ${text(key, least)} or more`);
    if (value > most) throw refusal(key, value, `give ${text(key, most)} or less`);
    return value;
  }

  return { evaluate, dependents, text, admitted };
}

/** A number to `digits` significant digits, half up, as figure() of formatting.py; null keeps every digit. */
export function figure(value, digits = 3) {
  if (value === 0) return "0";
  const sign = value < 0 ? "−" : "", exact = sure(decimal(Math.abs(value)));
  const [r, q] = digits === null ? exact : halfUp(exact, digits);
  const shown = String(r), power = shown.length - 1 + q, whole = exact[1] >= 0;
  if (power >= 15 || power < -4) {
    const rest = shown.slice(1).replace(/0+$/, "");
    return `${sign}${shown[0]}${rest && "." + rest} × 10${superscript(power)}`;
  }
  if (whole || q >= 0) return sign + grouped(String(q < 0 ? r / ten(-q) : r * ten(q)));
  const padded = shown.padStart(1 - q, "0");
  return `${sign}${grouped(padded.slice(0, q))}.${padded.slice(q)}`;
}

// A decimal is [m, t]: the whole number m times ten to the power t, exact.

const ten = power => 10n ** BigInt(power);
const superscript = power => String(power).replace(/./g, c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
const grouped = whole => whole.replace(/\B(?=(\d{3})+$)/g, ",");

/** The shortest decimal that reads back as `value`. */
function decimal(value) {
  const [mantissa, power] = value.toExponential().split("e"), [first, rest = ""] = mantissa.split(".");
  return [BigInt(first + rest), Number(power) - rest.length];
}

/** Without the noise of the last bits: the whole number if it is that near, else twelve significant digits. */
function sure([m, t]) {
  if (t >= 0) return [m, t];
  const whole = halfEven(m, ten(-t)), off = m - whole * ten(-t);
  if ((off < 0n ? -off : off) * ten(11) <= m) return [whole, 0];
  const extra = Math.max(0, String(m).length - 12);
  [m, t] = [halfEven(m, ten(extra)), t + extra];
  while (m % 10n === 0n) [m, t] = [m / 10n, t + 1];
  return [m, t];
}

function halfEven(m, unit) {
  const down = m / unit, twice = 2n * (m - down * unit);
  return twice > unit || (twice === unit && down % 2n === 1n) ? down + 1n : down;
}

function halfUp([m, t], digits) {
  const drop = String(m).length - digits;
  const r = drop > 0 ? (m + ten(drop) / 2n) / ten(drop) : m * ten(-drop);
  return String(r).length > digits ? [r / 10n, t + drop + 1] : [r, t + drop];   // 9.996 -> 10.0
}

function dressed(number, { before = "", after = "", afterOne = after }) {
  return (number.startsWith("−") ? "−" : "") + before + number.replace(/^−/, "") + (number === "1" ? afterOne : after);
}

function inBase({ size = 1 }, value) { return value * size; }

function row(key, ...tables) {
  const table = tables.find(t => Object.hasOwn(t, key));
  if (!table) throw new Error(`${key} is not a key of this book; take one of \`records\` or \`facts\``);
  return table[key];
}

function refusal(key, value, remedy) {
  return new Error(`${key} cannot be ${typeof value === "string" ? JSON.stringify(value) : String(value)}: ${remedy}`);
}
