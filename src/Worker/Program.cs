using System.CommandLine;
using DistSgd.Worker.Hosting;

return await WorkerCommand.Configure(new RootCommand("A DistSgd worker.")).Parse(args).InvokeAsync();
