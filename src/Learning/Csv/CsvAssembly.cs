using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>Makes a data set of parsed rows. While a layout is found out, it is completed here: means, marks, names of labels and counts need all rows.</summary>
internal static class CsvAssembly
{
    public static Dataset Assemble(ParsedText parsed, CsvFilePlan plan, string path, bool hasLineEnds)
    {
        CsvRows[] parts = [.. parsed.Rows.Cast<CsvRows>()];
        CsvLayout layout = plan.IsFitting ? Complete(parts, plan) with { HasLineEndsInFields = hasLineEnds } : plan.Layout;
        if (plan.IsFitting) Settle(parts, plan, layout);
        var segments = new List<DatasetSegment>();
        long row = 0;
        foreach (var draft in parts.SelectMany(part => part.Drafts))
        {
            if (draft.RowCount == 0 && row + segments.Count > 0)
            {
                draft.Dispose();
                continue;
            }
            segments.Add(draft.Seal(row));
            row += draft.RowCount;
        }
        if (segments.Count == 0) segments.Add(new SegmentDraft(1, 1).Seal(0));
        return new Dataset([.. segments], new DatasetFacts
        {
            SourceBytes = parsed.SourceBytes,
            FeatureCount = layout.FeatureCount,
            IndexBase = IndexBase.Zero,
            IndexBaseOrigin = IndexBaseOrigin.Given,
            Layout = layout,
            HasLabels = plan.HasLabels,
        })
        {
            Path = path,
            ParsedBytes = parts.Sum(part => part.ParsedBytes),
            Targets = plan.HasWeights ? RowTargets.None with { Weights = [.. parts.SelectMany(part => part.Weights)] } : RowTargets.None,
            Notice = plan.Notice,
        };
    }

    /// <summary>The layout with what all rows say.</summary>
    public static CsvLayout Complete(IReadOnlyList<CsvRows> parts, CsvFilePlan plan)
    {
        long rows = parts.Sum(part => part.RowCount);
        var columns = new CsvColumn[plan.Columns.Length];
        long missing = 0;
        for (int c = 0; c < columns.Length; c++)
        {
            long gone = parts.Sum(part => part.MissingCounts[c]);
            missing += gone;
            CsvColumn column = plan.Layout.Columns[c];
            columns[c] = column.Role != CsvRole.Number ? column : column with
            {
                IsMarked = gone > 0,
                Mean = gone == rows ? 0 : (float)(parts.Sum(part => part.Sums[c]) / (rows - gone)),
            };
        }
        CategoryCount? categories = plan.Categories?.Join();
        return plan.Layout with
        {
            Columns = columns,
            LabelNames = [.. parts.SelectMany(part => part.LabelNames).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            Missing = missing,
            Categories = categories?.Distinct ?? 0,
            Collisions = categories?.Collisions ?? 0,
        };
    }

    // Missing numbers become means, marks get the places that are needed, labels the numbers of their names in order.
    private static void Settle(CsvRows[] parts, CsvFilePlan plan, CsvLayout layout)
    {
        float[] means = [.. layout.Columns.Where(column => column.Role == CsvRole.Number).Select(column => column.Mean)];
        var marks = new uint[means.Length];
        uint next = checked((uint)layout.FirstMark);
        foreach ((int number, CsvColumn column) in layout.Columns.Where(column => column.Role == CsvRole.Number).Index())
        {
            marks[number] = next;
            next += column.IsMarked ? 1u : 0u;
        }
        uint firstMark = checked((uint)plan.Layout.FirstMark);
        bool anyMark = layout.Columns.Any(column => column.IsMarked);
        foreach (CsvRows part in parts)
        {
            float[] labels = [.. part.LabelNames.Select(name => (float)((List<string>)[.. layout.LabelNames]).IndexOf(name))];
            foreach (SegmentDraft draft in part.Drafts)
            {
                if (anyMark) Settle(draft, means, marks, firstMark);
                if (!plan.LabelsAreTexts) continue;
                Span<float> numbers = draft.Labels;
                for (int i = 0; i < numbers.Length; i++) numbers[i] = labels[(int)numbers[i]];
            }
        }
    }

    private static void Settle(SegmentDraft draft, float[] means, uint[] marks, uint firstMark)
    {
        Span<uint> indices = draft.Indices;
        Span<float> values = draft.Values;
        for (int i = 0; i < indices.Length; i++)
        {
            if (float.IsNaN(values[i])) values[i] = means[indices[i]];
            if (indices[i] >= firstMark) indices[i] = marks[indices[i] - firstMark];
        }
    }
}
