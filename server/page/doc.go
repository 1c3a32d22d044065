// Package page serves the catalog to people: which datasets there are, what each one is, the
// state of the documents that define them, and what changed. [New] returns a handler:
//
//	p := page.New(w, page.Options{Status: w.Status})
//	defer p.Close()
//	api := server.New(w, server.Options{Page: p})
//
// # Addresses
//
//	/                                             the datasets: search, facets, order, pages
//	/datasets/{short_name}/{derived_scalar_type}  one dataset; with ?layer=5&index=131, a record of it
//	/documents                                    the state of each document
//	/changes                                      the last changes
//	/assets/...                                   style sheet, script, icon
//
// What a page shows depends on its address alone, so a link shows others the same. Links are
// relative: the handler works below any prefix.
//
// Everything can be read, searched and paged without JavaScript. With it, the pages follow the
// events of /v1/events, which the server beside the handler has.
//
// Nothing is fetched from elsewhere, and no text of a dataset is taken for markup, for a style,
// for a script, or for a link unless it is an http or https URL.
package page
