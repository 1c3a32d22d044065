// Package config reads dataset files. It turns the bytes of a TOML or JSON document into
// validated datasets, or into diagnostics that say what is wrong and where.
//
// The entry point is [Parse]:
//
//	datasets, diagnostics := config.Parse("gpt2.toml", data)
//	if err := diagnostics.Err(); err != nil {
//		return err
//	}
//
// Parse performs no I/O, so it also serves embedded files and the values of a key-value
// store. [LoadFile], [LoadDir] and [LoadFS] read files and parse them.
//
// A document is accepted or rejected as a whole: if one of its diagnostics is an error,
// none of its datasets is returned.
//
// # Forms
//
// A document has one of these forms, in TOML or JSON:
//
//   - a list of datasets under the key datasets ([[datasets]] in TOML)
//   - a single dataset
//   - a top-level list of datasets (JSON only)
//   - a map from short_name, or short_name/derived_scalar_type, to the rest of the dataset
//
// The map is a legacy form. [Convert] rewrites a document of any form into the first.
//
// Keys are written in snake_case or camelCase. Unknown keys of a dataset are kept as extra
// fields and reported as warnings, never as errors, so that older programs can load newer
// files. Those that the document lists under extra_fields, or [WithExtraFields] names, are not
// reported.
//
// # Diagnostics
//
// Every [Diagnostic] names its [Rule], and [Rules] describes them. At most [MaxDiagnostics] are
// reported about a document, errors before warnings. What several datasets of a document have in
// common, such as an unknown field, is one diagnostic with their number. Parse checks one document; [Lint] checks
// documents that are used together.
//
// The cost of Parse is proportional to the size of the document, whatever is wrong with it. A
// panic while a document is parsed becomes a diagnostic of [RuleInternal].
//
// # Concurrency
//
// All functions are safe for concurrent use. The types are plain values.
package config
