using DistSgd.Learning.Csv;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Data;

/// <summary>A part of the rows that is kept away from training, chosen by a hash of the seed and the row's place in its source, so that every process that reads a part of the source chooses the same. Rows of one query stay together.</summary>
/// <param name="From">From 0 to 1.</param>
/// <param name="To">Rows whose number in [0, 1) lies in [From, To) are held out.</param>
public sealed record HoldOut(double From, double To)
{
    /// <summary>So large a part, at random.</summary>
    /// <param name="share">Above 0, below 1.</param>
    public static HoldOut Share(double share) => new(0, share);

    /// <summary>One of several parts of about equal size that together are all rows.</summary>
    /// <param name="fold">From 0.</param>
    /// <param name="folds">At least 2.</param>
    public static HoldOut Fold(int fold, int folds) => new((double)fold / folds, (double)(fold + 1) / folds);

    /// <summary>Whether a row is held out.</summary>
    /// <param name="seed">The job's seed.</param>
    /// <param name="data">The data set, or a part of it.</param>
    /// <param name="row">From 0.</param>
    public bool Holds(ulong seed, Dataset data, long row)
    {
        long place = data.HasQueries ? data.Query(row) : data.LineOffset(row);
        double number = (SeededRandom.Mix(SeededRandom.Mix(seed + 0x9E3779B97F4A7C15) ^ (ulong)place) >> 11) * (1.0 / (1UL << 53));
        return number >= From && number < To;
    }
}

/// <summary>Chooses rows of a data set.</summary>
public static class RowSelection
{
    private const int SegmentRowsMax = 1 << 22;
    private const int SegmentNonZerosMax = 1 << 28;

    /// <summary>The rows that training sees: those that count, and are not held out.</summary>
    /// <param name="data">The data set, or a part of it.</param>
    /// <param name="rows">Ranges of it, ascending.</param>
    /// <param name="heldOut">What is held out; null: nothing.</param>
    /// <param name="seed">The job's seed.</param>
    public static RowRange[] Trained(Dataset data, RowRange[] rows, HoldOut? heldOut, ulong seed)
    {
        bool weighted = data.Weights.IndexOf(0f) >= 0;
        return heldOut is null && !weighted ? rows : Where(rows, row => !(weighted && data.Weights[(int)row] == 0) && heldOut?.Holds(seed, data, row) != true);
    }

    /// <summary>The rows of ranges for which something holds, as ranges.</summary>
    public static RowRange[] Where(RowRange[] rows, Func<long, bool> takes)
    {
        var taken = new List<RowRange>();
        foreach (RowRange range in rows)
        {
            long start = -1, end = range.Start + range.Count;
            for (long row = range.Start; row <= end; row++)
            {
                bool takesIt = row < end && takes(row);
                if (takesIt && start < 0) start = row;
                if (takesIt || start < 0) continue;
                taken.Add(new RowRange(start, row - start));
                start = -1;
            }
        }
        return [.. taken];
    }

    /// <summary>Copies rows to a data set of their own, which keeps their places in the source and all else that is known of it.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="rows">Ranges of it, ascending.</param>
    public static Dataset Copy(Dataset data, RowRange[] rows) => Copy(data, rows, null, data.FeatureCount, data.Preprocessing);

    /// <summary>Copies what is trained on and what is held out: what stands for missing values in either is the mean of what is trained on.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="trained">Ranges of it, ascending.</param>
    /// <param name="heldOut">Ranges of it, ascending.</param>
    public static (Dataset Trained, Dataset HeldOut) Split(Dataset data, RowRange[] trained, RowRange[] heldOut) => MissingMeans.Of(data, trained) is { } means
        ? (Copy(data, trained, means, data.FeatureCount, data.Preprocessing, means.Layout), Copy(data, heldOut, means, data.FeatureCount, data.Preprocessing, means.Layout))
        : (Copy(data, trained), Copy(data, heldOut));

    /// <summary>The same with something done to each row.</summary>
    internal static Dataset Copy(Dataset data, RowRange[] rows, IRowMap? map, long features, RowPreprocessing preprocessing, CsvLayout? layout = null)
    {
        var segments = new List<DatasetSegment>();
        long copied = 0;
        foreach (RowRange[] part in Parts(data, rows))
        {
            long count = part.Sum(range => range.Count);
            var draft = new SegmentDraft((int)Math.Max(1, count), (int)Math.Max(1, preprocessing.Whitening is { } whitening ? count * whitening.Components : part.Sum(range => data.CountNonZeros(range.Start, range.Count))));
            foreach (RowRange range in part)
                for (long row = range.Start; row < range.Start + range.Count; row++)
                {
                    SparseRow x = data.Row(row);
                    map?.Apply(x);
                    draft.Add(x.Label, map is null ? x.Indices : map.Indices, map is null ? x.Values : map.Values, data.LineOffset(row));
                }
            segments.Add(draft.Seal(copied));
            copied += count;
        }
        return new Dataset([.. segments], data.Facts with { FeatureCount = features, Layout = layout ?? data.Layout })
        {
            Path = data.Path,
            Targets = data.AllTargets.Of(rows),
            SourceRowCount = data.SourceRowCount,
            WeightsPath = data.WeightsPath,
            ParsedBytes = data.ParsedBytes,
            Preprocessing = preprocessing,
        };
    }

    // At least one part, each with as many rows and non-zeros as fit a segment.
    private static IEnumerable<RowRange[]> Parts(Dataset data, RowRange[] rows)
    {
        var part = new List<RowRange>();
        long rowCount = 0, nonZeros = 0;
        foreach (RowRange range in rows)
            for (long start = range.Start; start < range.Start + range.Count; start += SegmentRowsMax / 64)
            {
                var piece = new RowRange(start, Math.Min(SegmentRowsMax / 64, range.Start + range.Count - start));
                long more = data.CountNonZeros(piece.Start, piece.Count);
                if (part.Count > 0 && (rowCount + piece.Count > SegmentRowsMax || nonZeros + more > SegmentNonZerosMax))
                {
                    yield return [.. part];
                    part.Clear();
                    (rowCount, nonZeros) = (0, 0);
                }
                part.Add(piece);
                rowCount += piece.Count;
                nonZeros += more;
            }
        yield return [.. part];
    }
}
