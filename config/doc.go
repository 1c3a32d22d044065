// Package config reads documents: it turns the bytes of a TOML or JSON file into
// validated datasets, or into diagnostics that say what is wrong and where.
//
//	datasets, diagnostics := config.Parse("gpt2.toml", data)
//	if err := diagnostics.Err(); err != nil {
//		return err
//	}
//
// [Parse] does no input or output, so it serves a file, an embedded file and a value
// of a key-value store alike; [LoadFile], [LoadDir] and [LoadFS] read for it. A
// document is loaded whole or not at all.
//
// # Forms
//
// A document is one of these, in TOML or in JSON:
//
//   - a list of datasets under the key datasets ([[datasets]] in TOML);
//   - one dataset;
//   - a list of datasets by itself (JSON only);
//   - a map from short_name, or short_name/derived_scalar_type, to the rest of the dataset.
//
// Keys may be in snake_case or in camelCase. Keys that are not known are kept as
// extra fields, with a warning and never an error, so that newer files load in older
// programs. [Convert] brings all of it into the first form.
//
// What is wrong with several documents together, [Lint] says. [Rules] lists what
// diagnostics are about.
//
// All functions are safe for use by several goroutines.
package config
