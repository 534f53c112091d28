//! The only SQL: tables, migrations, the journal, one writer.
