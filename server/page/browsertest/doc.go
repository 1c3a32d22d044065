// Package browsertest tests the pages of the catalog in a real browser. It is a module of its
// own, so that nobody who imports neurondex inherits a browser's driver.
package browsertest
