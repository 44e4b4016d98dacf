"""`python -m treasure.training.torchrun …`: torch's own launcher, which dies with the process that started it."""

from treasure.parent import die_with_parent

if __name__ == "__main__":
    die_with_parent()  # before the import, which takes seconds

    from torch.distributed.run import main

    main()
