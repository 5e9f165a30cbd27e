rule predict:
    """Predict one year with the ensemble of a link: mean and spread."""
    input:
        networks=lambda w: network_files(w.link),
        calibrate="results/calibrate/{link}.nc",
        residuals=lambda w: residual_files(plan.prediction_residuals(RUN, w.link, int(w.year))),
        climatology=lambda w: cycle_files(plan.prediction_cycles(RUN, w.link, int(w.year))),
        domain="results/domain.nc",
    output:
        "results/predict/{link}/{year}.nc",
    log:
        "logs/predict/{link}/{year}.log",
    benchmark:
        "logs/predict/{link}/{year}.tsv"
    threads: 4
    resources:
        gpu=1,
        mem_mb=growing(1000, per_tile=200),
        runtime=growing(10, per_tile=1),
    params:
        settings=settings_of("predict"),
        code=code_of("predict"),
    shell:
        "glab predict --networks {input.networks:q} --calibrate {input.calibrate:q}"
        " --residuals {input.residuals:q} --climatology {input.climatology:q} --domain {input.domain:q}"
        " --year {wildcards.year} --output {output:q} --settings {params.settings:q} &> {log:q}"
