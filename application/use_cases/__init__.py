"""One class per verb: a command in, a result out."""
