rule compose:
    """Compose one year of L-band TB from the references and the networks."""
    input:
        predictions=lambda w: prediction_files(RUN.compose.links, w.year),
        references=lambda w: reference_files(w.year),
        surface=lambda w: frozen_files([w.year]),
        domain="results/domain.nc",
    output:
        "results/compose/{year}.nc",
    log:
        "logs/compose/{year}.log",
    benchmark:
        "logs/compose/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(400, per_tile=40 + 20 * len(RUN.compose.references)),
        runtime=growing(15, per_tile=1),
    params:
        given=given("predictions", "references", "surface", "truth"),
        settings=settings_of("compose"),
        code=code_of("compose"),
    shell:
        "glab compose {params.given} --domain {input.domain:q} --year {wildcards.year}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"


use rule compose as compose_truth with:
    input:
        truth="data/truth.nc",
        domain="results/domain.nc",
    output:
        "results/compose/truth/{year}.nc",
    log:
        "logs/compose/truth/{year}.log",
    benchmark:
        "logs/compose/truth/{year}.tsv"
