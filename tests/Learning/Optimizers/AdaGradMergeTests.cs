using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Optimizers;

public sealed class AdaGradMergeTests
{
    [Fact]
    public void Deltas_AreAveragedWhileSumsAreSmall_AndAddUpOnceTheyAreLarge()
    {
        // Entries: a value and its sum of squares. The sums before: 0, 2 and very many; added: 1, 2 and 1; the last was not touched.
        float[] pulled = [5, 0, 5, 2, 5, 1e8f, 5, 0];
        float[] delta = [1, 1, 1, 2, 1, 1, 0, 0];
        AdaGradMerge.Apply(4, pulled, delta);
        Assert.Equal([0.25f, 1, 0.4f, 2, 1, 1, 0, 0], delta);
    }

    [Fact]
    public void OneWorker_IsLeftAsItIs()
    {
        float[] delta = [0.1f, 1, -0.3f, 2];
        AdaGradMerge.Apply(1, [5, 0, 5, 7], delta);
        Assert.Equal([0.1f, 1, -0.3f, 2], delta);
    }
}
