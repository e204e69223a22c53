"""PostgreSQL: the pool that a process holds, and the migrations of what is no read model."""
