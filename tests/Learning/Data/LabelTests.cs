using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class LabelTests
{
    [Theory]
    [InlineData("0 1:1\n1 1:1\n", 0, 1)]
    [InlineData("1 1:1\n-1 1:1\n", -1, 1)]
    [InlineData("7 1:1\n2.5 1:1\n7 1:1\n", 2.5, 7)]
    public void ForClassification_TwoLabels_SmallerIsNegative(string text, float negative, float positive)
    {
        using var file = new TempFile(text);
        using var data = LibsvmReader.Read(file.Path);
        var map = LabelMap.ForClassification(data.Labels);
        Assert.Equal((negative, positive), (map.Negative, map.Positive));
        Assert.Equal((-1, 1), (map.ToLearning(negative, 0), map.ToLearning(positive, 0)));
        Assert.Equal((negative, positive), (map.ToFile(-0.1f), map.ToFile(0.1f)));
        Assert.Equal(LearningTask.Classification, TaskDetection.Detect(data.Labels));
        Assert.Contains("row 42", Assert.Throws<LabelException>(() => map.ToLearning(99, 41)).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Detect_OneLabelOrManyWholeOnes_IsAnErrorWithAdvice()
    {
        using var one = Labels([3, 3]);
        Assert.Contains("label 3", Assert.Throws<LabelException>(() => TaskDetection.Detect(one.Labels)).Message, StringComparison.Ordinal);
        Assert.Throws<LabelException>(() => LabelMap.ForClassification(one.Labels));
        using var letters = Labels([.. Enumerable.Range(1, 26).Select(i => (float)i)]);
        Assert.Contains("--model softmax", Assert.Throws<LabelException>(() => LabelMap.ForClassification(letters.Labels)).Message, StringComparison.Ordinal);
        Assert.Contains("1, 2, 3", Assert.Throws<LabelException>(() => LabelMap.ForClassification(letters.Labels)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Detect_RealOrVeryManyLabels_IsRegression()
    {
        using var real = Labels([1, 2, 3.5f]);
        Assert.Equal(LearningTask.Regression, TaskDetection.Detect(real.Labels));
        using var many = Labels([.. Enumerable.Range(0, LabelSummary.DistinctMax + 1).Select(i => (float)i)]);
        Assert.Null(many.Labels.Distinct);
        Assert.Equal(LearningTask.Regression, TaskDetection.Detect(many.Labels));
        Assert.Equal((0, 1000, 500), (many.Labels.Minimum, many.Labels.Maximum, many.Labels.Mean));
        using var limit = Labels([.. Enumerable.Range(0, LabelSummary.DistinctMax).Select(i => (float)i)]);
        Assert.Equal(LabelSummary.DistinctMax, limit.Labels.Distinct!.Count);
    }

    [Fact]
    public void Detect_WholeNumbersFromZeroOrOne_AreClassesIfFewOrAboutEquallyFrequent()
    {
        (LearningTask Expected, IEnumerable<float> Labels)[] sets =
        [
            (LearningTask.Classes, Enumerable.Range(1, 26).Select(i => (float)i)),
            (LearningTask.Classes, [0, 1, 2]),
            (LearningTask.Classes, [1, 2, 3, 4, 5, 7]),
            (LearningTask.Classes, [.. Enumerable.Repeat(0f, 1000), 1, 2, 3]),
            (LearningTask.Regression, Enumerable.Range(1922, 90).Select(year => (float)year)),
            (LearningTask.Regression, [3, 4, 5, 6, 7, 8]),
            (LearningTask.Regression, [0, 10, 20]),
            (LearningTask.Regression, [0, 1, 2, 0.5f]),
            (LearningTask.Regression, Enumerable.Range(0, 30).SelectMany(count => Enumerable.Repeat((float)count, 1 + 3000 / (1 + count * count)))),
        ];
        foreach ((LearningTask expected, IEnumerable<float> labels) in sets)
        {
            using Dataset data = Labels([.. labels]);
            Assert.True(expected == TaskDetection.Detect(data.Labels), $"{data.Labels} should be {expected}");
        }
    }

    [Fact]
    public void ForClasses_LabelsInAnyOrder_AreNumberedAscendingAndBack()
    {
        using Dataset data = Labels([7, -3, 2.5f, 7, 2.5f]);
        LabelMap map = LabelMap.ForClasses(data.Labels);
        Assert.Equal((float[])[-3, 2.5f, 7], map.Classes);
        var classes = new float[5];
        map.Map(data, classes);
        Assert.Equal((float[])[2, 0, 1, 2, 1], classes);
        Assert.Contains("Row 9", Assert.Throws<LabelException>(() => map.ToLearning(3, 8)).Message, StringComparison.Ordinal);
        Assert.Equal(map, LabelMap.OfClasses([-3, 2.5f, 7]));
        Assert.NotEqual(map, LabelMap.OfClasses([-3, 2.5f, 8]));
        Assert.Throws<ArgumentException>(() => LabelMap.OfClasses([1, 1]));
    }

    [Fact]
    public void Map_UnknownLabel_NamesTheRow()
    {
        using var data = Labels([0, 1, 2]);
        var map = LabelMap.Binary(0, 1);
        Assert.Contains("Row 3", Assert.Throws<LabelException>(() => map.Map(data, new float[3])).Message, StringComparison.Ordinal);
    }

    private static Dataset Labels(float[] labels)
    {
        using var builder = new DatasetBuilder();
        foreach (float label in labels) builder.Add(label, [0], [1]);
        return builder.Build();
    }
}
