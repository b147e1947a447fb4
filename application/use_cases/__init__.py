"""One verb a class: a command in, a result out."""
