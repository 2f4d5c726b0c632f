using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Diagnostics;

public sealed class QuadraticPathsTests
{
    [Fact]
    public void Best_OfEveryRule_ComesFarDownFromTheStart()
    {
        IReadOnlyList<RulePath> paths = QuadraticPaths.Best();
        Assert.Equal(UpdateRules.All.Select(form => form.Kind), paths.Select(path => path.Kind));
        double start = QuadraticPaths.Value(QuadraticPaths.Start.X, QuadraticPaths.Start.Y);
        Assert.All(paths, path =>
        {
            Assert.Equal(QuadraticPaths.Steps + 1, path.Points.Count);
            Assert.Equal(QuadraticPaths.Start, path.Points[0]);
            Assert.True(QuadraticPaths.Value(path.Points[^1].X, path.Points[^1].Y) < 0.05 * start, $"{path.Name} at rate {path.Rate}: {path.Points[^1]}");
        });
    }

    [Fact]
    public void Walk_OfSgd_IsGradientDescentInClosedForm()
    {
        RulePath path = QuadraticPaths.Walk(UpdateRules.Of(OptimizerKind.Sgd), 0.25);
        for (int step = 0; step <= QuadraticPaths.Steps; step++)
        {
            Assert.Equal(QuadraticPaths.Start.X * Math.Pow(1 - 0.25 * QuadraticPaths.Flat, step), path.Points[step].X, 1e-4);
            Assert.Equal(QuadraticPaths.Start.Y * Math.Pow(1 - 0.25 * QuadraticPaths.Steep, step), path.Points[step].Y, 1e-4);
        }
    }
}
