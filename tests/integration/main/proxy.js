@documented@
