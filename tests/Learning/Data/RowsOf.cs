using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

/// <summary>Data sets as plain lists, and their comparison bit by bit.</summary>
internal static class RowsOf
{
    public static List<DumbLibsvm.Row> Data(Dataset data)
    {
        var rows = new List<DumbLibsvm.Row>();
        foreach (var segment in data.Segments)
        {
            Assert.Equal(rows.Count, segment.FirstRow);
            Assert.Equal(segment.RowCount + 1, segment.RowStarts.Length);
            Assert.Equal(segment.NonZeroCount, segment.RowStarts[^1]);
            for (int i = 0; i < segment.RowCount; i++)
            {
                var row = segment[i];
                rows.Add(new DumbLibsvm.Row(row.Label, row.Indices.ToArray(), row.Values.ToArray(), segment.LineOffsets[i]));
            }
        }
        Assert.Equal(rows.Count, data.RowCount);
        return rows;
    }

    public static void AssertSame(List<DumbLibsvm.Row> expected, List<DumbLibsvm.Row> actual, string context)
    {
        Assert.True(expected.Count == actual.Count, $"{context}: {actual.Count} rows, expected {expected.Count}");
        for (int i = 0; i < expected.Count; i++)
        {
            string where = $"{context}, row {i}";
            Assert.True(Bits(expected[i].Label) == Bits(actual[i].Label), $"{where}: label {actual[i].Label:R}, expected {expected[i].Label:R}");
            Assert.True(expected[i].LineOffset == actual[i].LineOffset, $"{where}: line offset {actual[i].LineOffset}, expected {expected[i].LineOffset}");
            Assert.True(expected[i].Indices.AsSpan().SequenceEqual(actual[i].Indices), $"{where}: indices {string.Join(' ', actual[i].Indices)}, expected {string.Join(' ', expected[i].Indices)}");
            for (int j = 0; j < expected[i].Values.Length; j++)
                Assert.True(Bits(expected[i].Values[j]) == Bits(actual[i].Values[j]), $"{where}, value {j}: {actual[i].Values[j]:R}, expected {expected[i].Values[j]:R}");
        }
    }

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value);
}
