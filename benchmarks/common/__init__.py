"""What comparisons with other engines have in common: the model folder, the machine, processes, turns and reports."""
