// Package enginetest tries releases on the engines that hold them: etcd, in this process and
// as a process of its own, and S3, by versitygw. It has only tests, and is a module of its own
// so that users do not inherit their dependencies.
package enginetest
