// Package enginetest tries releases on the engines that hold them: etcd, in this process and
// as a process of its own, and S3, by versitygw. It has tests only, and is a module of its
// own, so that no user inherits what they need.
package enginetest
