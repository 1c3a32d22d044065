// Package browsertest tests the pages of the catalog in a real browser. It is a module of its
// own, so that importing neurondex does not bring in the driver of a browser.
package browsertest
