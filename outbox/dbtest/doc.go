// Package dbtest holds the tests of package outbox that need real databases
// and so their drivers, which nobody who imports the outbox should have to
// require: a private PostgreSQL, a private MariaDB and SQLite files. Every test
// runs on all of them, or says for which one it is.
package dbtest
