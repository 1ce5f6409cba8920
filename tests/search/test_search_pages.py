"""The search page and its API: what is shown is escaped, filters lie in the address, lists go on."""
