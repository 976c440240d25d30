package main

// sqliteFaults is every fault of SQLite, each with a file of its own.
var sqliteFaults []fault
