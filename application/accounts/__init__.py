"""Who may do what: the standing of accounts, quotas, sign-in codes, signed links, and owners."""
