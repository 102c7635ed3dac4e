// Files that a reader chose, and how they are written about.

const LARGEST_TEXT = 2 ** 20; // bytes of a text that is put into the editor

/** Files with names that differ: where a name comes again it gets a number. */
export function choose(files) {
  const taken = new Set();
  return files.map((file) => {
    let name = file.name;
    for (let number = 2; taken.has(name); number += 1) name = file.name.replace(/(\.[^.]*)?$/, `-${number}$1`);
    taken.add(name);
    return name === file.name ? file : new File([file], name);
  });
}

/** Whether a file is a text that can be edited. */
export async function isText(file) {
  if (file.size === 0 || file.size > LARGEST_TEXT) return false;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return !/[^\P{Cc}\t\n\r\f]/u.test(text);
  } catch {
    return false;
  }
}

/** A file's name as an argument that cannot be taken for an option. */
export function named(name) {
  return name.startsWith("-") ? `./${name}` : name;
}

/** A word of a command, for a POSIX shell. */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A number of bytes, for people: 1.4 MB. */
export function size(bytes) {
  for (const [unit, factor] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= factor) return `${(bytes / factor).toFixed(1)} ${unit}`;
  }
  return `${bytes} bytes`;
}
