"""One VM, three hosts, and what one manager believes of them: many short stories in little time.

The picture, the charges and the search for where a VM may run are the product's own; everything
around them is as small as it can be: no database but for the charges, no plans, no threads. What
the trial of everything plays once in an hour, of the parts that decide whether a VM is to run and
whether it runs somewhere, is played here a thousand times in that time.
"""
