using System.Security.Cryptography;
using DistSgd.Learning.Data;
using DistSgd.Learning.Generators;
using DistSgd.Learning.Tests.Data;

namespace DistSgd.Learning.Tests.Generators;

public sealed class GeneratorTests
{
    [Fact]
    public void Clicks_TextAndDataset_HoldTheSameRows()
    {
        using var builder = new DatasetBuilder();
        var set = new ClicksGenerator(10_000, seed: 3).Generate(2_000, builder);
        using var direct = builder.Build();
        AssertTextHolds(direct, sink => new ClicksGenerator(10_000, seed: 3).Generate(2_000, sink));
        Assert.Equal((direct.RowCount, direct.NonZeroCount), (set.Rows, set.NonZeros));
        Assert.InRange(set.PositiveRate, 0.2, 0.3);
        Assert.InRange(set.BestLoss, 0.2, 0.55);
        Assert.InRange((double)set.NonZeros / set.Rows, 20, 40);
    }

    [Fact]
    public void Dense_TextAndDataset_HoldTheSameRows()
    {
        foreach (var task in Enum.GetValues<LearningTask>())
        {
            using var builder = new DatasetBuilder();
            new DenseGenerator(7, seed: 3, task).Generate(500, builder);
            using var direct = builder.Build();
            AssertTextHolds(direct, sink => new DenseGenerator(7, seed: 3, task).Generate(500, sink));
        }
    }

    [Fact]
    public void Clicks_OfASeed_IsAlwaysTheSameText()
    {
        using var text = new MemoryStream();
        using (var writer = new LibsvmWriter(text)) new ClicksGenerator(100_000, seed: 1).Generate(1_000, writer);
        Assert.Equal("44F6FD5B9621574E", Convert.ToHexString(SHA256.HashData(text.ToArray()))[..16]);
    }

    [Fact]
    public void Dense_Regression_NoiseIsAsPromised()
    {
        using var builder = new DatasetBuilder();
        var generator = new DenseGenerator(5, seed: 8, LearningTask.Regression, noiseDeviation: 0.5);
        var set = generator.Generate(20_000, builder);
        using var data = builder.Build();
        double squares = 0;
        for (int i = 0; i < data.RowCount; i++)
        {
            var row = data.Row(i);
            double score = 0.5;
            for (int j = 0; j < 5; j++) score += generator.TrueWeights[j] * row.Values[j];
            squares += (row.Label - score) * (row.Label - score) / 2;
        }
        Assert.InRange(squares / data.RowCount, set.BestLoss * 0.97, set.BestLoss * 1.03);
    }

    private static void AssertTextHolds(Dataset direct, Action<IRowSink> generate)
    {
        using var text = new MemoryStream();
        using (var writer = new LibsvmWriter(text)) generate(writer);
        using var file = new TempFile(text.ToArray());
        using var read = LibsvmReader.Read(file.Path, new ReadOptions { IndexBase = IndexBase.One });
        var offsets = RowsOf.Data(read).Select(r => r.LineOffset).ToList();
        RowsOf.AssertSame([.. RowsOf.Data(direct).Select((r, i) => r with { LineOffset = offsets[i] })], RowsOf.Data(read), "text");
    }
}
