rule samples:
    """Draw inputs and targets of the training years of a link, labelled by split."""
    input:
        residuals=lambda w: residual_files(plan.training_residuals(RUN, w.link)),
        climatology=lambda w: cycle_files(plan.training_cycles(RUN, w.link)),
        domain="results/domain.nc",
    output:
        "results/samples/{link}.nc",
    log:
        "logs/samples/{link}.log",
    benchmark:
        "logs/samples/{link}.tsv"
    threads: 1
    resources:
        mem_mb=growing(3000, per_tile=100),
        runtime=growing(30, per_tile=5),
    params:
        settings=settings_of("samples"),
        code=code_of("samples"),
    shell:
        "glab samples --residuals {input.residuals:q} --climatology {input.climatology:q}"
        " --domain {input.domain:q} --output {output:q} --settings {params.settings:q} &> {log:q}"
