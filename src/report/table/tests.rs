//! What a hostile or awkward text becomes in each format.

use polars::prelude::*;

use super::*;

fn table() -> Table {
    Table {
        title: "Losses & ends_".to_owned(),
        columns: vec![Heading::left("loss"), Heading::right("FID ↓")],
        rows: vec![
            vec![Entry::text("a|b*c"), Entry { best: true, spread: Some("0.3".to_owned()), ..Entry::text("14.5") }],
            vec![Entry::text("<script>"), Entry { marks: vec![0, 1], ..Entry::text("18.2") }],
        ],
        footer: vec![vec![Entry::text("chance_"), Entry::text("12.0 to 12.1")]],
        notes: vec!["from Table 6; 18.9 in Table 5".to_owned(), "2 of 3 seeds".to_owned()],
        remarks: vec!["Values: the paper.".to_owned()],
    }
}

#[test]
fn markdown_shows_texts_as_they_are() {
    insta::assert_snapshot!(markdown(&table()), @r"
    | loss | FID ↓ |
    | :--- | ---: |
    | a\|b\*c | **14.5** ± 0.3 |
    | &lt;script&gt; | 18.2 <sup>a,b</sup> |
    | chance\_ | 12.0 to 12.1 |

    <sup>a</sup> from Table 6; 18.9 in Table 5

    <sup>b</sup> 2 of 3 seeds

    Values: the paper.
    ");
}

#[test]
fn latex_shows_texts_as_they_are() {
    insta::assert_snapshot!(latex(&table(), "table-3"), @r"
    % Needs \usepackage{booktabs}.
    \begin{table}
    \centering
    \caption{Losses \& ends\_}
    \label{tab:table-3}
    \begin{tabular}{lr}
    \toprule
    loss & FID $\downarrow$ \\
    \midrule
    a$|$b*c & \textbf{14.5} $\pm$ 0.3 \\
    $<$script$>$ & 18.2$^{a,b}$ \\
    \midrule
    chance\_ & 12.0 to 12.1 \\
    \bottomrule
    \end{tabular}
    \par\footnotesize $^{a}$ from Table 6; 18.9 in Table 5
    \par\footnotesize $^{b}$ 2 of 3 seeds
    \par\footnotesize Values: the paper.
    \end{table}
    ");
}

#[test]
fn no_text_leaves_its_cell() {
    for evil in ["a\nb", "a\r\n| b |", "\\end{tabular}\\input{/etc/passwd}", "$(rm)", "\u{202E}abc", "\u{1b}[31m"] {
        let one = Table { columns: vec![Heading::left("x")], rows: vec![vec![Entry::text(evil)]], ..Table::default() };
        let text = markdown(&one);
        assert_eq!(text.lines().count(), 3, "{evil:?}: {text:?}");
        let tex = latex(&one, evil);
        assert_eq!(tex.lines().filter(|line| line.starts_with("\\end{tabular}")).count(), 1, "{tex}");
        assert!(!tex.contains("\\input") && !tex.contains('\u{1b}') && !text.contains('\u{202E}'), "{tex}");
    }
}

#[test]
fn a_spreadsheet_finds_no_formula() {
    let texts = ["=1+1", "+cmd|' /C calc'!A0", "-2", "-x", "@SUM(A1)", "plain, with \"quotes\"", "\t=1"];
    let columns = vec![
        Column::new("=name".into(), texts.to_vec()),
        Column::new("value".into(), vec![-0.5, 1.0, 55.8, 1e-9, 0.1 + 0.2, 3.0, 4.0]),
    ];
    let frame = DataFrame::new(texts.len(), columns).unwrap();
    let text = String::from_utf8(csv(&frame).unwrap()).unwrap();
    insta::assert_snapshot!(text, @r#"
    '=name,value
    '=1+1,-0.5
    '+cmd|' /C calc'!A0,1.0
    -2,55.8
    '-x,1e-9
    '@SUM(A1),0.30000000000000004
    "plain, with ""quotes""",3.0
    '	=1,4.0
    "#);
}

#[test]
fn footnotes_go_on_after_z() {
    let names: Vec<String> = [0, 25, 26, 51, 52, 702].map(mark_name).to_vec();
    assert_eq!(names, ["a", "z", "aa", "az", "ba", "aaa"]);
}

#[test]
fn numbers_read_as_people_write_them() {
    assert_eq!(fixed(-0.04, 1), "0.0");
    assert_eq!(fixed(-0.05, 2), "-0.05");
    assert_eq!(p_value(0.158_8), "0.159");
    assert_eq!(p_value(0.000_66), "0.0007");
    assert_eq!(p_value(1e-9), "< 0.0001");
    assert_eq!(decimals_to_tell_apart(&[1.0, 2.0]), 0);
    assert_eq!(decimals_to_tell_apart(&[0.91, 0.94, 0.9]), 2);
    assert_eq!(decimals_to_tell_apart(&[0.5]), 1);
    assert_eq!(decimals_to_tell_apart(&[0.5, 0.75]), 2);
    assert_eq!(decimals_to_tell_apart(&[0.1, 0.100_001]), 6);
    assert_eq!(decimals_to_tell_apart(&[14.523_1, 28.301_9]), 1);
    assert_eq!(decimals_to_tell_apart(&[]), 0);
}
