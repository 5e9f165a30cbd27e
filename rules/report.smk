rule report:
    """Write the page of figures and tables."""
    input:
        products=all_product_files(),
        skill="results/evaluate/skill.csv",
        cells="results/evaluate/cells.nc",
        breaks="results/evaluate/breaks.csv",
        against=against_files(),
        beside=beside_files(),
        truth="data/truth.nc" if RUN.archive == "simulate" else [],
        curves=[curve for link in plan.links_in_use(RUN) for curve in curve_files(link)],
    output:
        "results/report/index.html",
    log:
        "logs/report/index.log",
    benchmark:
        "logs/report/index.tsv"
    threads: 1
    resources:
        mem_mb=growing(800, per_tile=100),
        runtime=growing(30),
    params:
        given=given("truth", "against", "beside"),
        settings=settings_of("report"),
        code=code_of("report"),
    shell:
        "glab report --products {input.products:q} --skill {input.skill:q} --cells {input.cells:q}"
        " --breaks {input.breaks:q} {params.given} --curves {input.curves:q}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"
