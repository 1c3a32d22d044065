// Prints what VS Code's JSON service reports of documents, as JSON:
// node vscode.js SCHEMA DOCUMENT...
const { readFileSync } = require("node:fs");
const { getLanguageService, TextDocument } = require("vscode-json-languageservice");

async function main([schemaFile, ...files]) {
  const service = getLanguageService({});
  const schema = JSON.parse(readFileSync(schemaFile, "utf8"));
  const found = [];
  for (const file of files) {
    const document = TextDocument.create("file://" + file, "json", 1, readFileSync(file, "utf8"));
    const parsed = service.parseJSONDocument(document);
    for (const d of await service.doValidation(document, parsed, {}, schema)) {
      found.push({ file, line: d.range.start.line + 1, message: d.message });
    }
  }
  console.log(JSON.stringify(found));
}

main(process.argv.slice(2));
