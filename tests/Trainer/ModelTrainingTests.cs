using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.TestKit;

namespace DistSgd.Trainer.Tests;

/// <summary>Every model learns by the same loop, in one process and over gRPC.</summary>
public sealed class ModelTrainingTests
{
    [Fact]
    public async Task Defaults_EveryModelAndLossAndRule_LearnAndAreSavedAndLoaded()
    {
        foreach (ModelSpec model in Models())
        {
            using Dataset data = Draw(model, 600);
            foreach (OptimizerKind optimizer in (OptimizerKind[])[OptimizerKind.AdaGrad, OptimizerKind.Sgd])
            {
                using var taxonomy = new Folder();
                TrainingResult result = await SgdTrainer.TrainAsync(data, Options(model, taxonomy) with { Optimizer = optimizer, Threads = 2, Epochs = 15, Out = taxonomy["model"] });
                AssertLearned(model, result.Train, $"{model}, {optimizer}");
                TrainedModel loaded = TrainedModel.Load(taxonomy["model"]);
                Assert.Equal(result.Model.Spec, loaded.Spec);
                Assert.Equal(result.Model.Scores(data), loaded.Scores(data));
            }
        }
    }

    [Fact]
    public async Task TwoServersAndTwoWorkers_EveryModel_ReachTheLossOfOneProcess()
    {
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(servers: 2);
        int number = 0;
        foreach (ModelSpec model in Models())
        {
            using Dataset data = Draw(model, 300);
            using var taxonomy = new Folder();
            TrainingPlan plan = TrainingPlan.Make(data, Options(model, taxonomy) with { Epochs = 10 }, new Deployment(2, 2, "models"), null);
            TrainingJob job = plan.Job with { Name = $"model {++number}" };
            await using GrpcParameterClient first = await cluster.ActivateAsync(job, 3), second = await cluster.ActivateAsync(job, 3);
            await InitialParameters.PushAsync(job, first, plan.Initial, CancellationToken.None);
            await Task.WhenAll(OracleCase.TrainPartitionAsync(job, data, plan.Labels, 0, first), OracleCase.TrainPartitionAsync(job, data, plan.Labels, 1, second));
            float[] parameters = await ParameterReader.ReadAsync(job, first, CancellationToken.None);
            job.Scaling?.ToOriginal(parameters, job.Width);
            AssertLearned(job.Model, Evaluation.Compute(job.Model, parameters, data, plan.Labels, 1), $"{model} over gRPC");
        }
    }

    [Fact]
    public async Task L1_OnManyClasses_MakesWeightsExactlyZero()
    {
        ModelSpec model = ModelSpec.Of(ModelKind.Softmax, outputs: 3);
        using Dataset data = Draw(model, 400);
        foreach (ExchangeKind exchange in (ExchangeKind[])[ExchangeKind.Dense, ExchangeKind.Sparse])
        {
            var options = new TrainingOptions { Model = ModelKind.Softmax, Threads = 1, Epochs = 10, L1 = 0.05, L2 = 0, Exchange = exchange };
            TrainedModel trained = (await SgdTrainer.TrainAsync(data, options)).Model;
            int zeros = trained.Weights.ToArray().Count(weight => weight == 0);
            Assert.True(zeros > trained.Weights.Length / 5 && zeros < trained.Weights.Length, $"{exchange}: {zeros} of {trained.Weights.Length} weights are 0");
        }
    }

    [Fact]
    public async Task MaxNorm_KeepsTheWeightsInTheBall()
    {
        foreach (ModelKind kind in (ModelKind[])[ModelKind.Logistic, ModelKind.Softmax])
        {
            using Dataset data = Draw(ModelSpec.Of(kind, outputs: kind == ModelKind.Softmax ? 3 : 1), 400);
            var options = new TrainingOptions { Model = kind, Threads = 1, Epochs = 5, Scaling = Learning.Preprocessing.ScalingKind.Off };
            double Norm(TrainingResult result) => Math.Sqrt(result.Model.Weights.ToArray().Sum(weight => (double)weight * weight));
            Assert.True(Norm(await SgdTrainer.TrainAsync(data, options)) > 1);
            double bounded = Norm(await SgdTrainer.TrainAsync(data, options with { MaxNorm = 0.5 }));
            Assert.True(bounded is > 0.4 and <= 0.5001, $"{kind}: the norm is {bounded}");
        }
    }

    [Fact]
    public async Task C_IsL2InOtherWords()
    {
        using Dataset data = Draw(ModelKind.Svm, 200);
        var options = new TrainingOptions { Model = ModelKind.Svm, Threads = 1, Epochs = 3 };
        TrainedModel byC = (await SgdTrainer.TrainAsync(data, options with { C = 0.25 })).Model, byL2 = (await SgdTrainer.TrainAsync(data, options with { L2 = 1 / (200 * 0.25) })).Model;
        Assert.Equal(byL2.Weights.ToArray(), byC.Weights.ToArray());
    }

    [Fact]
    public async Task OptionsThatMakeNoSense_AreRefusedWithBothNamesAndValues()
    {
        using Dataset data = Draw(ModelKind.Svm, 50);
        (TrainingOptions Options, string Says)[] wrong =
        [
            (new TrainingOptions { Model = ModelKind.Svm, Loss = LossKind.Huber }, "--loss huber doesn't go with --model svm"),
            (new TrainingOptions { C = 2, L2 = 0.5 }, "--C 2 and --l2 0.5"),
            (new TrainingOptions { MaxNorm = 1, Exchange = ExchangeKind.Sparse }, "--max-norm 1"),
            (new TrainingOptions { MaxNorm = 1, LocalSteps = 0 }, "--local-steps 0"),
            (new TrainingOptions { HuberDelta = 2 }, "--huber-delta 2"),
            (new TrainingOptions { Model = ModelKind.SvmRank }, "qid"),
            (new TrainingOptions { Model = ModelKind.StructuredSvm, Loss = LossKind.Tree }, "--taxonomy"),
            (new TrainingOptions { Model = ModelKind.Svm, Taxonomy = "t" }, "--taxonomy t"),
        ];
        foreach ((TrainingOptions options, string says) in wrong)
            Assert.Contains(says, (await Assert.ThrowsAsync<TrainingException>(() => SgdTrainer.TrainAsync(data, options))).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<ModelSpec> Models() =>
        from kind in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm, ModelKind.Softmax, ModelKind.MulticlassSvm, ModelKind.StructuredSvm, ModelKind.SvmRank]
        from loss in ModelSpec.LossesOf(kind)
        let model = ModelSpec.Of(kind, loss)
        select model with { Outputs = model.HasClassScores ? 3 : 1 };

    private static TrainingOptions Options(ModelSpec model, Folder folder) => new()
    {
        Model = model.Kind,
        Loss = model.Loss,
        Taxonomy = model.Loss == LossKind.Tree ? folder.Write("tree", "0 a\n1 a\na root\n2 root\n") : null,
    };

    private static void AssertLearned(ModelSpec model, EvaluationResult result, string what)
    {
        if (model.IsRegression)
            Assert.True(result.RSquared > 0.9, $"{what}: R2 {result.RSquared}");
        else if (model.IsRanking)
            Assert.True(result.Ndcg > 0.9, $"{what}: NDCG {result.Ndcg}");
        else if (model.IsMultiLabel)
            Assert.True(result.HammingLoss < 0.1, $"{what}: Hamming loss {result.HammingLoss}");
        else
            Assert.True(result.Accuracy > 0.9, $"{what}: accuracy {result.Accuracy}");
    }

    // Three hidden directions: of each class, of the target, of the order.
    private static Dataset Draw(ModelSpec model, int rows)
    {
        const int Features = 12;
        var random = new Random(31);
        double[][] hidden = [.. Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, Features).Select(_ => random.NextDouble() * 2 - 1).ToArray())];
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, Features).Where(j => j == 0 || random.NextDouble() < 0.7).Select(j => (uint)j)];
            float[] values = [.. indices.Select(_ => (float)(random.NextDouble() * 2 - 1))];
            double[] scores = [.. hidden.Select(w => indices.Zip(values, (j, x) => w[j] * x).Sum())];
            if (model.IsMultiLabel)
                builder.Add([.. Enumerable.Range(0, 3).Where(l => scores[l] > 0).Select(l => (float)l)], indices, values);
            else if (model.IsRanking)
                builder.Add((float)Math.Clamp(Math.Round(scores[0] * 2 + 2), 0, 4), row / 10, indices, values);
            else
                builder.Add(model.IsRegression ? (float)scores[0] : model.HasClassScores ? Array.IndexOf(scores, scores.Max()) : scores[0] > 0 ? 1 : -1, indices, values);
        }
        return builder.Build();
    }
}
