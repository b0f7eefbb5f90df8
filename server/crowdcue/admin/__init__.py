"""What an operator does beside a running node: links, deleting, export and import, backups, and a look at it all."""
