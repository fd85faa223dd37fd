// Answers what hogan.js makes of a template: one JSON line {"template", "data"} in, one line out, which is
// {"output"}, {"error"} or, when hogan could not compile the program that it wrote itself or has cut a character in
// two, {"accident"}.
// The first line out is {"version"}.
"use strict";

const path = require("path");
const readline = require("readline");

const home = path.join(__dirname, "..", "node", "node_modules", "hogan.js");
const hogan = require(home);

function answer({ template, data }) {
  // Without this it would remember all templates of the run.
  hogan.cache = {};
  try {
    const output = hogan.compile(template).render(data);
    return output.isWellFormed() ? { output } : { accident: "half a character" };
  } catch (error) {
    return error instanceof SyntaxError ? { accident: error.message } : { error: error.message };
  }
}

function say(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

say({ version: require(path.join(home, "package.json")).version });
readline.createInterface({ input: process.stdin }).on("line", (line) => say(answer(JSON.parse(line))));
